"""Floor 5: the state of one sitting, without Qt and without torch."""
