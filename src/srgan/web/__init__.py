"""``srgan serve``: the upscaler behind an HTTP API, and a page that talks to it.

::

    settings.py   what the operator decides: limits, token, origins
    served_models.py  the networks that are offered, opened
    upload.py     a request's body -> a file, checked while it comes in
    limits.py     a picture's header -> accepted or refused, before anything is decoded
    queue.py      the bounded queue and its one worker thread
    preview.py    what browsers are shown of pictures that they cannot show
    work.py       one picture: file -> file, stopped between tiles when nobody waits any more
    naming.py     what results are called
    hosts.py      the names that the server answers for
    access.py     the bearer token, and requests that other sites make browsers send
    headers.py    what browsers must not do with an answer
    connections.py  how many connections are kept, and for how long
    metrics.py    what Prometheus reads
    problems.py   errors as one sentence in JSON
    api.py        the API's routes
    page.py       the page, the API's documentation, and their files
    app.py        all of it put together
    server.py     the process: sockets and signals

and without a server, in the visitor's browser::

    site.py       the page as a static site, with one network and onnxruntime-web
    browser/      what such a site has in the place of static/backend.js: a worker, tiles, transparency, PNG

A picture on its way: ``api.upscale`` -> ``upload.receive`` -> ``limits.check`` -> ``queue.WorkQueue.submit`` -> on the
worker thread ``work.enlarge`` (``image.read`` -> ``Upscaler`` -> ``image.write``) -> the file is the answer.

The page is written by hand, in a few modules of JavaScript (static/), and is a client of the API like any other: it loads
nothing from elsewhere, and the server starts as fast as the networks open. static/backend.js is all of it that knows the API.
"""
