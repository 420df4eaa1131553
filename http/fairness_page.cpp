#include "http/fairness_page.hpp"

#include "http/page_file.hpp"

namespace tk::http {

void add_fairness_page_routes(std::vector<route>& out) {
  constexpr std::string_view five_minutes = "public, max-age=300";
  out.push_back(route_of({"/fairness/{eventId:str}", "fairnessPage", "Where anybody checks a draw.",
                          "text/html; charset=utf-8", fairness_html, five_minutes}));
  out.push_back(route_of({"/fairness/fairness.js", "fairnessScript", "Recomputes a draw.",
                          "text/javascript; charset=utf-8", fairness_js, five_minutes}));
}

} // namespace tk::http
