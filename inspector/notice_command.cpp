#include "inspector/notice_command.hpp"

#include "inspector/change.hpp"
#include "inspector/node_command.hpp"
#include "inspector/output.hpp"
#include "inspector/told_view.hpp"

namespace tk::inspector {

int tell_buyers(notice_options options, const text_style& style) {
  using json = nlohmann::ordered_json;
  auto& order = options.order;
  if (auto wrong = prepare(options.nodes); !wrong.empty()) return refuse(wrong);
  if (order.operation.empty()) order.operation = fresh_uuid();
  auto operation = order.verb == notice_verb::add ? order.operation : "";
  auto told = ask_for(options.nodes,
                      {notice_path(order), notice_request(order), notice_method(order), operation});
  if (!told) return failed;
  if (options.json) say(told->dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
  else say(notices_text(*told, style));
  return well;
}

} // namespace tk::inspector
