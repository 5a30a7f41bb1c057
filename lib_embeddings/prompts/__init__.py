"""What a prompt uses: its grammar, its tokens, and the embeddings they name."""
