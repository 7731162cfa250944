"""From images to maps and label images: tiles, halo, stitching."""
