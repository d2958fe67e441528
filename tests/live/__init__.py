"""Real systems on loopback: Tryton as ERP and as CRM, Redmine as PSA, and the tests that run on them."""
