"""What is kept between starts: what was read, what people chose, the ids of names."""
