#include "inspector/notice_command.hpp"

#include <cstdio>

#include "inspector/node_command.hpp"
#include "inspector/node_verbs.hpp"
#include "inspector/output.hpp"
#include "inspector/told_view.hpp"

namespace tk::inspector {

namespace {

constexpr int done_code = 0, refused_code = 2;

int refuse(const std::string& why) {
  std::fprintf(stderr, "tiketi-inspect: %s\n", why.c_str());
  return refused_code;
}

} // namespace

int tell_buyers(notice_options options, const text_style& style) {
  using json = nlohmann::ordered_json;
  auto& order = options.order;
  if (auto wrong = load_token(options.nodes); !wrong.empty()) return refuse(wrong);
  if (order.operation.empty()) order.operation = fresh_uuid();
  auto answer =
    ask_first(options.nodes, notice_path(order), notice_request(order), notice_method(order));
  if (!answer.ok()) {
    auto found = merged({answer});
    auto why = found.refusals.empty() ? answer.node + ": " + answer.error : found.refusals.front();
    bool unsure = answer.status == 0 || answer.status >= 500;
    auto again = order.verb == notice_verb::add
                   ? "; to try again safely say --operation " + order.operation
                   : "; to say it again does no harm";
    return refuse(why + (unsure ? again : ""));
  }
  auto told = json::parse(answer.body, nullptr, false);
  if (!told.is_object()) return refuse(answer.node + ": it is no node that answered");
  if (options.json) say(told.dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
  else say(notices_text(told, style));
  return done_code;
}

} // namespace tk::inspector
