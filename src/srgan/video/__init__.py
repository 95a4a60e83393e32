"""Videos and animated pictures: every frame enlarged, all else kept.

::

    clip.py       a video file that is read: its facts, its frames with their timestamps
    colours.py    frame <-> array, with the matrix and range that the file says
    encoder.py    codecs and their settings; one part of the result
    parts.py      the folder of finished parts that a run resumes from
    mux.py        parts, audio and subtitles -> the result
    run.py        a video from file to file
    work.py       what videos and animations share
    animation.py  animated GIF, WebP and PNG, which need none of the above
    names.py      which files are videos or animations, and what results are called

A video on its way: ``run.upscale_clip`` -> ``clip.Clip.frames`` -> (``colours.to_rgb`` -> ``Upscaler`` ->
``encoder.PartWriter``) -> ``mux.join``. The frames' timestamps are never computed, only carried; audio and subtitles are
never decoded.
"""
