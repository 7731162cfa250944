"""The canvas: image tiles, overlays in screen pixels, and the hand."""
