// Swagger UI with this server's own description. Its validator would send that to another host: it stays off.
SwaggerUIBundle({ url: "openapi.json", dom_id: "#api", validatorUrl: null, tryItOutEnabled: true });
