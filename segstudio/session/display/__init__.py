"""How images are displayed: channels, colours, contrast; nothing here changes what is learned from or measured."""
