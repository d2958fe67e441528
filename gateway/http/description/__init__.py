"""The description of the API (OpenAPI 3.1): what each route takes and gives, made of the types of the code."""
