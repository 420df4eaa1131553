#include "tests/simulation/evening.hpp"

#include <algorithm>
#include <optional>

#include "tests/simulation/fields.hpp"

namespace tk::sim {

namespace {

constexpr std::array<const char*, 6> mishap_names = {
  "node_dies", "node_stops", "node_cut_off", "database_away", "provider_away", "provider_slow"};

void read_seconds(fields& x, const char* name, millis& to, int64_t least, int64_t most) {
  auto s = to.count() / 1000;
  x.number(name, s, least, most);
  to = millis{s * 1000};
}

/// Tenths of seconds would be too fine for people, and whole ones are too coarse for clicks.
void read_range_ms(fields& x, const char* name, millis& low, millis& high) {
  auto a = low.count(), b = high.count();
  x.range(name, a, b, 0, 3'600'000);
  low = millis{a};
  high = millis{b};
}

section read_section(fields& x) {
  section out;
  x.text("name", out.name);
  x.number("blocks", out.blocks, 1, 64);
  x.number("seats_per_block", out.seats_per_block, 1, 512);
  x.number("quota", out.quota, 1, 100'000);
  x.number("price", out.price.amount, 100, 10'000'000);
  x.number("wanted", out.wanted, 1, 1000);
  if (out.name.empty()) x.problem("name is missing");
  if (out.price.amount == 0) x.problem("price is missing");
  if ((out.quota > 0) == (out.blocks > 0 && out.seats_per_block > 0))
    x.problem("needs either blocks and seats_per_block, or quota");
  return out;
}

mishap read_mishap(fields& x, int32_t nodes) {
  mishap out;
  std::string what;
  x.text("what", what);
  auto i = std::ranges::find(mishap_names, what);
  if (i == mishap_names.end()) x.problem("what must be one of the things docs/simulation.md lists");
  else out.what = static_cast<mishap::kind>(i - mishap_names.begin());
  read_seconds(x, "at_s", out.at, 0, 86'400);
  read_seconds(x, "for_s", out.length, 1, 3'600);
  x.number("node", out.node, 1, nodes);
  return out;
}

void read_arrivals(fields& x, evening& to) {
  if (x.find("arrivals") == nullptr) return;
  to.arrivals.clear();
  x.objects("arrivals", 1, 100, [&](fields& one) {
    arrival a;
    read_seconds(one, "until_s", a.until, 1, 86'400);
    one.number("share", a.share, 1, 1'000'000);
    if (!to.arrivals.empty() && a.until <= to.arrivals.back().until)
      one.problem("until_s must rise from one to the next");
    to.arrivals.push_back(a);
  });
}

void read_parties(fields& x, evening& to) {
  auto list = x.find("parties");
  if (list == nullptr) return;
  bool good = list->is_array() && list->size() == to.parties.size();
  uint32_t sum = 0;
  for (size_t i = 0; good && i < to.parties.size(); ++i) {
    good = (*list)[i].is_number_unsigned() && (*list)[i].get<uint64_t>() <= 1000;
    if (good) sum += to.parties[i] = (*list)[i].get<uint32_t>();
  }
  if (!good || sum == 0)
    x.problem("parties must be four shares: of parties of one, two, three and four");
}

void read_people(fields& x, evening& to) {
  x.number("visitors", to.visitors, 1, 50'000);
  read_parties(x, to);
  read_arrivals(x, to);
  read_range_ms(x, "patience_ms", to.patience_min, to.patience_max);
  read_range_ms(x, "clicks_ms", to.clicks_min, to.clicks_max);
  read_range_ms(x, "thinks_ms", to.thinks_min, to.thinks_max);
  read_range_ms(x, "pays_ms", to.pays_min, to.pays_max);
  x.number("double_clicks", to.double_clicks, 0, 100);
  x.number("abandons", to.abandons, 0, 100);
  x.number("cancels", to.cancels, 0, 100);
  x.number("declined", to.declined, 0, 100);
  if (to.abandons + to.cancels > 100) x.problem("abandons and cancels are more than everybody");
}

void read_delays(fields& x, evening& to) {
  auto network = to.network.count(), base = to.database.count(), provider = to.provider.count();
  x.number("network_ms", network, 1, 5'000);
  x.number("database_ms", base, 1, 5'000);
  x.number("provider_ms", provider, 1, 9'000);
  to.network = millis{network};
  to.database = millis{base};
  to.provider = millis{provider};
}

} // namespace

const char* name_of(mishap::kind x) { return mishap_names[static_cast<size_t>(x)]; }

hall evening::what_is_sold() const {
  hall out;
  for (auto& x : sections) {
    for (int32_t b = 0; b < x.blocks; ++b) out.blocks.push_back({x.seats_per_block, x.price});
    if (x.quota > 0) out.areas.push_back({x.quota, x.price});
  }
  return out;
}

tl::expected<evening, std::string> parse_evening(const std::string& json_text) {
  auto from = parse_strictly(json_text);
  if (!from) return tl::make_unexpected(from.error());
  evening out;
  fields x{*from, "evening"};
  x.text("name", out.name);
  x.text("about", out.about);
  x.number("seed", out.seed, 0, INT64_MAX);
  x.number("nodes", out.nodes, 1, 8);
  x.number("hold_s", out.hold_s, 10, 3'600);
  read_seconds(x, "length_s", out.length, 10, 86'400);
  x.object("hall", [&](fields& h) {
    h.number("seats_per_row", out.seats_per_row, 1, 512);
    h.objects("sections", 1, 32, [&](fields& s) { out.sections.push_back(read_section(s)); });
  });
  x.object("people", [&](fields& p) { read_people(p, out); });
  x.object("delays", [&](fields& d) { read_delays(d, out); });
  x.objects("faults", 0, 100, [&](fields& f) { out.faults.push_back(read_mishap(f, out.nodes)); });
  if (out.sections.empty()) x.problem("hall.sections is missing");
  if (out.what_is_sold().blocks.size() > 64) x.problem("hall has more than 64 blocks of seats");
  if (out.arrivals.empty()) x.problem("people.arrivals: nobody comes");
  else if (out.arrivals.back().until > out.length)
    x.problem("people come after its end (length_s)");
  if (auto wrong = x.finish(); !wrong.empty()) return tl::make_unexpected(wrong);
  return out;
}

} // namespace tk::sim
