"""AUTOMATIC1111's WebUI, and those that kept its database of embeddings."""
