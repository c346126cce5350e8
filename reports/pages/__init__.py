"""How the report looks: a module and a template for each of its pages."""
