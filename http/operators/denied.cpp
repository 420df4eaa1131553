#include "http/operators/denied.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include <caf/all.hpp>

#include "http/api/shop.hpp"
#include "http/json.hpp"

namespace tk::http {

namespace {

constexpr size_t asked_max = 300;

struct noted_as {
  std::string_view route, action, resource_type;
};

/// As the routes themselves note what those do who may.
constexpr std::array known{
  noted_as{"stopSales", "STOP_SALES", "sale"},
  noted_as{"resumeSales", "RESUME_SALES", "sale"},
  noted_as{"createNotice", "CREATE_NOTICE", "notice"},
  noted_as{"updateNotice", "UPDATE_NOTICE", "notice"},
  noted_as{"deleteNotice", "DELETE_NOTICE", "notice"},
  noted_as{"closeCase", "CLOSE_CASE", "case"},
  noted_as{"drainNode", "DRAIN_NODE", "node"},
  noted_as{"undrainNode", "UNDRAIN_NODE", "node"},
  noted_as{"rebalanceShards", "REBALANCE_SHARDS", "node"},
  noted_as{"moveShard", "MOVE_SHARD", "node"},
  noted_as{"acceptLoss", "ACCEPT_LOSS", "node"},
  noted_as{"reconcile", "RECONCILE", "payments"},
};

/// The first so many bytes, whole characters.
std::string beginning(std::string text) {
  if (text.size() <= asked_max) return text;
  auto end = asked_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  return text.substr(0, end) + "...";
}

/// What it was about: the id in the path, else the one in the body.
std::string resource_of(const exchange& x, const nlohmann::json& body) {
  auto id = parse_id<event_id>(x.param("id"));
  for (auto* name : {"eventId", "node"}) {
    if (id) break;
    auto found = body.find(name);
    if (found != body.end() && found->is_string())
      id = parse_id<event_id>(found->get_ref<const std::string&>());
  }
  return id && !id->nil() ? to_string(*id) : "";
}

note_admin_action note_of(const exchange& x) {
  note_admin_action out;
  out.admin = x.user();
  auto name = std::string_view{x.route_->name};
  auto found = std::ranges::find(known, name, &noted_as::route);
  out.action = found != known.end() ? found->action : name;
  out.resource_type = found != known.end() ? found->resource_type : "operator";
  auto body = read_object(x.req()).value_or(nlohmann::json::object());
  out.resource = resource_of(x, body);
  out.summary = x.who()->email + ": refused, may only look";
  if (!body.empty())
    out.summary +=
      ": " + beginning(body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  out.status = answer_to(ec::admin_required).status;
  out.address = x.req().client;
  return out;
}

} // namespace

void refuse_denied(operator_desk& desk, const exchange_ptr& x) {
  desk.pool.run([&desk, x, note = note_of(*x)](caf::event_based_actor* self) {
    self->request(desk.brakes.store, store_budget, note)
      .then([x](const admin_action_noted&) { x->fail(ec::admin_required); },
            [x](caf::error&) { x->fail(ec::admin_required); });
  });
}

} // namespace tk::http
