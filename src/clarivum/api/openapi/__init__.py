"""The OpenAPI 3.1 document of an application and the page that shows it."""
