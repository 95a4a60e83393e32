"""srgan's networks in ComfyUI: put this folder into ``custom_nodes``. See docs/programs.md.

It adds no node. ComfyUI's own "Load Upscale Model" reads the files then, as it loads networks by spandrel.
"""

from srgan.interop.spandrel_architecture import register

register()

NODE_CLASS_MAPPINGS = {}
