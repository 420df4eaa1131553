#include "http/notices_page.hpp"

#include "http/page_file.hpp"

namespace tk::http {

void add_notices_page_routes(std::vector<route>& out) {
  constexpr std::string_view five_minutes = "public, max-age=300";
  out.push_back(route_of({"/notices/notices.css", "noticesStyle", "Looks of notices on pages.",
                          "text/css; charset=utf-8", notices_css, five_minutes}));
  out.push_back(route_of({"/notices/notices.js", "noticesScript", "Shows notices on pages.",
                          "text/javascript; charset=utf-8", notices_js, five_minutes}));
}

} // namespace tk::http
