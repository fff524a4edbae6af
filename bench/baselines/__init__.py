"""What the product is measured against. These programs are never made slower."""
