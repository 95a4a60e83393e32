"""Videos and animated pictures: every frame enlarged, all else kept.

::

    clip.py           a video file that is read: its facts, its frames with their timestamps
    decoding.py       decoders, and packets that are damaged
    clock.py          timestamps that stay true where a file's clock jumps
    colours.py        frame <-> array, with the matrix and range that the file says
    encoder.py        codecs and their settings; one part of the result
    parts.py          the folder of finished parts that a run resumes from
    streams.py        sound, subtitles and attachments: what a container holds, what becomes of the rest
    mux.py            parts, sound and subtitles -> the result
    run.py            a video from file to file
    pipeline.py       decoding and encoding on threads beside the network
    work.py           what videos and animations share
    animation.py      animated GIF, WebP and PNG, which need none of the above
    animated_clip.py  an animation taken as a clip: GIF -> MP4
    as_pictures.py    a clip taken as pictures: MP4 -> GIF

A video on its way: ``run.upscale_clip`` -> ``clip.Clip.frames`` -> (``colours.to_rgb`` -> ``Upscaler`` ->
``encoder.PartWriter``) -> ``mux.join``. The frames' timestamps are never computed, only carried. Before that, ``mux.check``
decides what becomes of all other streams and writes them to nowhere, so that what cannot be is said first.
"""
