#include "http/docs_page.hpp"

namespace tk::http {

namespace {

struct page {
  const char* path;
  const char* name;
  const char* summary;
  std::string_view content_type;
  std::string_view text;
};

route route_of(const page& x) {
  route out;
  out.path = x.path;
  out.name = x.name;
  out.summary = x.summary;
  out.tag = "system";
  out.content_type = x.content_type;
  out.response_schema = R"({"type":"string"})";
  out.run = [text = std::make_shared<const std::string>(x.text),
             type = x.content_type](const exchange_ptr& e) {
    auto file = json_shared(text);
    file.content_type = type;
    e->respond(std::move(file));
  };
  return out;
}

} // namespace

void add_docs_routes(std::vector<route>& out) {
  out.push_back(route_of(
    {"/docs", "docs", "This description, for people.", "text/html; charset=utf-8", docs_html}));
  out.push_back(route_of(
    {"/docs/style.css", "docsStyle", "Looks of /docs.", "text/css; charset=utf-8", docs_css}));
  out.push_back(route_of(
    {"/docs/app.js", "docsScript", "Draws /docs.", "text/javascript; charset=utf-8", docs_js}));
}

} // namespace tk::http
