"""What AUTOMATIC1111's WebUI and its descendants share."""
