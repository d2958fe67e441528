"""What a customer's decisions are made of: names, ownership, hierarchy, puts into ERPs, and answers to engagements."""
