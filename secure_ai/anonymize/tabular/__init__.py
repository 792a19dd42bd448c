"""Tables that can be shared: how well one hides its people, and how to make it hide them."""
