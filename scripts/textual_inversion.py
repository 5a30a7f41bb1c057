"""The doorway: the WebUI runs this at its start and at every "Reload UI"."""

from lib_embeddings.hosts.webui.extension import start

TextualInversionScript = start()
