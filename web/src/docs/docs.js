// Renders /openapi.json. Everything comes from this origin: the page's Content-Security-Policy allows nothing else.
"use strict";

// Swagger UI uses its dark colours if the root element has this class.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const followColourScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followColourScheme);
followColourScheme();

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // A token stays in this tab's memory and is lost on reload.
  persistAuthorization: false,
  // A request has the token that was entered here, and never the console's cookie: the server refuses both together.
  requestInterceptor: (request) => Object.assign(request, { credentials: "omit" }),
  // By default, Swagger UI sends the document's address to a validator on another host.
  validatorUrl: null,
});
