#include "inspector/case_command.hpp"

#include "inspector/change.hpp"
#include "inspector/node_command.hpp"
#include "inspector/output.hpp"

namespace tk::inspector {

namespace {

using json = nlohmann::ordered_json;

std::string text_in(const json& x, const char* name) {
  auto i = x.find(name);
  return i != x.end() && i->is_string() ? i->get<std::string>() : "";
}

/// A head and a line: which case it was, and who has closed it why.
std::string case_text(const json& told, const text_style& style) {
  auto head = text_in(told, "message");
  auto out = style.colour ? "\x1b[1m" + head + "\x1b[0m\n" : head + '\n';
  auto what = told.value("case", json::object());
  if (!what.is_object() || text_in(what, "subject").empty()) return out;
  return out + text_in(what, "kind") + " of " + text_in(what, "subject") + ": closed by " +
         text_in(what, "closed_by") + ", " + text_in(what, "reason") + '\n';
}

} // namespace

int close_case(case_options options, const text_style& style) {
  if (auto wrong = prepare(options.nodes); !wrong.empty()) return refuse(wrong);
  json body = {{"reason", options.reason}};
  auto told =
    ask_for(options.nodes, {"/operator/cases/" + url_part(options.id) + "/close",
                            body.dump(-1, ' ', false, json::error_handler_t::replace), "", ""});
  if (!told) return failed;
  if (options.json) say(told->dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
  else say(case_text(*told, style));
  return well;
}

} // namespace tk::inspector
