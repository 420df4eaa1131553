#include "inspector/draw_check.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "actors/waiting_room/draw.hpp"

namespace tk::inspector {

namespace {

using json = nlohmann::json;

void read_draw(const json& from, published_draw& to) {
  auto digest = [&](const char* name) { return parse_digest(from.at(name).get<std::string>()); };
  to.event = parse_id<event_id>(from.at("eventId").get<std::string>()).value_or(event_id{});
  to.draw.commitment = digest("commitment");
  to.draw.seed = digest("seed");
  to.draw.list = digest("listDigest");
  to.draw.from = from.at("firstNumber").get<uint32_t>();
  to.draw.cutoff = from.at("cutoff").get<uint32_t>();
}

void read_lines(const json& from, published_draw& to) {
  for (const auto& x : from.at("lines"))
    to.lines.push_back({x.at("number").get<uint32_t>(), x.at("pseudonym").get<std::string>()});
}

} // namespace

tl::expected<void, std::string> read_published(const std::string& text, published_draw& to) {
  try {
    auto from = json::parse(text);
    if (from.contains("lines")) read_lines(from, to);
    else if (from.value("drawn", true)) read_draw(from, to);
    else return tl::unexpected(std::string{"it was not drawn yet"});
  } catch (const json::exception& x) { return tl::unexpected(std::string{x.what()}); }
  return {};
}

std::vector<std::string> contradictions(const published_draw& x) {
  std::vector<std::string> out;
  if (x.draw.cutoff == 0) out.emplace_back("the answer of the fairness endpoint is missing");
  if (x.draw.from == 0 || x.draw.cutoff < x.draw.from) out.emplace_back("the range is none");
  if (!out.empty()) return out;
  if (commitment_of(x.draw.seed) != x.draw.commitment)
    out.emplace_back("the seed is not the one that was committed to");
  sha256_digest list{};
  std::set<uint32_t> numbers;
  for (const auto& line : x.lines) {
    list = chained(list, line.number, line.pseudonym);
    if (line.number < x.draw.from || line.number >= x.draw.cutoff)
      out.push_back("number " + std::to_string(line.number) + " is not of the draw");
    if (!numbers.insert(line.number).second)
      out.push_back("number " + std::to_string(line.number) + " is on the list twice");
  }
  if (list != x.draw.list) out.emplace_back("the list is not the one that was drawn from");
  return out;
}

std::vector<uint32_t> served_order(const published_draw& x) {
  const drawn_order order{x.event, x.draw};
  std::vector<std::pair<uint32_t, uint32_t>> places;
  places.reserve(x.lines.size());
  for (const auto& line : x.lines) places.emplace_back(order.place_of(line.number), line.number);
  std::ranges::sort(places);
  std::vector<uint32_t> out;
  out.reserve(places.size());
  for (const auto& [place, number] : places) out.push_back(number);
  return out;
}

std::optional<uint32_t> position_of(const published_draw& x, const drawn_person& who) {
  auto is_meant = [&](const published_draw::line& y) {
    return who.number ? y.number == *who.number
                      : who.user && y.pseudonym == pseudonym_of(x.draw.seed, *who.user);
  };
  const auto found = std::ranges::find_if(x.lines, is_meant);
  if (found == x.lines.end()) return std::nullopt;
  const auto order = served_order(x);
  const auto at = std::ranges::find(order, found->number);
  return static_cast<uint32_t>(at - order.begin()) + 1;
}

} // namespace tk::inspector
