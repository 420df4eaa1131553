#include "http/waiting_page.hpp"

#include "http/page_file.hpp"

namespace tk::http {

void add_waiting_page_routes(std::vector<route>& out) {
  constexpr std::string_view five_minutes = "public, max-age=300";
  out.push_back(route_of({"/vwr/{eventId:str}", "waitingPage", "Where people wait at a gate.",
                          "text/html; charset=utf-8", waiting_html, five_minutes}));
  out.push_back(route_of({"/vwr/waiting.css", "waitingStyle", "Looks of the waiting page.",
                          "text/css; charset=utf-8", waiting_css, five_minutes}));
  out.push_back(route_of({"/vwr/waiting.js", "waitingScript", "What the waiting page does.",
                          "text/javascript; charset=utf-8", waiting_js, five_minutes}));
}

} // namespace tk::http
