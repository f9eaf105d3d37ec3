// Sends the answer to the service (OAuth 2.0 Form Post Response Mode). A field may be called "submit".
const form = document.getElementById("form-post");
HTMLFormElement.prototype.submit.call(form);
