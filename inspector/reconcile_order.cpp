#include "inspector/reconcile_order.hpp"

namespace tk::inspector {

namespace {

using json = nlohmann::ordered_json;
using state = reconciliation_seen::state;

reconciliation_seen read(const json& told, const std::string& id) {
  for (auto& part : told.value("parts", json::array())) {
    if (part.value("from", "") != "rows") continue;
    auto data = part.value("data", json::object());
    reconciliation_seen out;
    out.cases_open = data.value("cases_open", int64_t{0});
    out.is = state::gone;
    for (auto& run : data.value("runs", json::array())) {
      if (run.value("id", "") != id) continue;
      bool ended = run.contains("ended_at") && !run["ended_at"].is_null();
      out.is = !ended                         ? state::under_way
               : run.value("given_up", false) ? state::gone
                                              : state::ended;
      if (out.is == state::ended) out.result = run.value("result", json::object());
    }
    return out;
  }
  return {};
}

std::string counted(const json& x, const char* name) {
  auto i = x.find(name);
  return i != x.end() && i->is_number_integer() ? std::to_string(i->get<int64_t>()) : "?";
}

std::string rows_text(const json& result) {
  auto rows = result.find("rows");
  if (rows == result.end() || !rows->is_object())
    return "rows were compared not long ago; they were left alone\n";
  if (!rows->value("compared", false))
    return "rows were not compared: " + rows->value("why", std::string{}) +
           "; ask `tiketi-inspect audit` of a standby\n";
  return counted(*rows, "rules") + " rules of the rows asked, " + counted(*rows, "broken") +
         " broken\n";
}

} // namespace

reconciliation_seen reconciliation_of(const json& told, const std::string& id) {
  try {
    return read(told, id);
  } catch (const json::exception&) { return {}; } // It was no answer of a node.
}

std::string reconciliation_text(const reconciliation_seen& x) {
  switch (x.is) {
  case state::under_way: return "it goes on by itself; tiketi-inspect cases tells its end\n";
  case state::gone: return "it came to nothing: its node ended meanwhile; say it again\n";
  case state::not_told: return "it is not known how far it has come: no node tells\n";
  case state::ended: break;
  }
  auto& r = x.result;
  auto out = counted(r, "asked") + " payments asked about: " + counted(r, "agreed") + " agree, " +
             counted(r, "silent") + " without answer, " + counted(r, "found") + " differ or wait\n";
  if (counted(r, "repairs") != "0")
    out += counted(r, "repairs") + " checkouts were told to ask again\n";
  out += rows_text(r);
  return out + (x.cases_open == 0
                  ? "no case is open\n"
                  : std::to_string(x.cases_open) + " cases are open: tiketi-inspect cases\n");
}

} // namespace tk::inspector
