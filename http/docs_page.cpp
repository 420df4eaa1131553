#include "http/docs_page.hpp"

#include "http/page_file.hpp"

namespace tk::http {

void add_docs_routes(std::vector<route>& out) {
  out.push_back(route_of(
    {"/docs", "docs", "This description, for people.", "text/html; charset=utf-8", docs_html}));
  out.push_back(route_of(
    {"/docs/style.css", "docsStyle", "Looks of /docs.", "text/css; charset=utf-8", docs_css}));
  out.push_back(route_of(
    {"/docs/app.js", "docsScript", "Draws /docs.", "text/javascript; charset=utf-8", docs_js}));
}

} // namespace tk::http
