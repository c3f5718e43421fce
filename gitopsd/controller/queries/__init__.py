"""What people ask and get answered with no daemon running: from the store, the mirrors and the engines."""
