"""The brush of napari, milliseconds from a paint call to the frame; `canvas.py` runs it where napari is installed."""

import json
import sys
import time

import napari
import numpy as np

MOVES = 60


def main() -> None:
    side = int(sys.argv[1])
    viewer = napari.Viewer(show=True)
    from qtpy.QtWidgets import QApplication

    app = QApplication.instance()
    viewer.add_image(np.zeros((side, side), np.uint8))
    layer = viewer.add_labels(np.zeros((side, side), np.int32))
    viewer.camera.zoom = 1.0
    layer.mode, layer.brush_size, layer.selected_label = "paint", 40, 1
    native = viewer.window._qt_viewer.canvas.native
    for _ in range(20):
        app.processEvents()
    times = []
    for step in range(MOVES):
        start = time.perf_counter()
        layer.paint((side // 2 + step, side // 2 + 3 * step), 1)
        app.processEvents()
        native.repaint()
        app.processEvents()
        times.append(1000 * (time.perf_counter() - start))
    print(json.dumps({"side": side, "paint_ms": float(np.median(times[5:])), "version": napari.__version__}))


if __name__ == "__main__":
    main()
