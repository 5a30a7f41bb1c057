"""What browsers and programs ask over HTTP: the routes, and the page's script and style."""
