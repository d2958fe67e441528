"""How approved time and expenses become entries of the ERP: what is checked, what is booked, what is taken back."""
