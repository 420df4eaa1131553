#include "inspector/draw_check.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "actors/waiting_room/draw.hpp"

namespace tk::inspector {

namespace {

using json = nlohmann::json;

/// Numbers end there (`queue_place`).
constexpr int64_t number_max = 0x7fffffff;
/// More than any room holds; what is wider is no draw, and would not fit into memory.
constexpr uint32_t range_max = 1u << 28;
constexpr const char* algorithm = "tiketi-draw-1";

struct unreadable : std::runtime_error {
  using runtime_error::runtime_error;
};

uint32_t number_of(const json& from, const char* name) {
  const auto& x = from.at(name);
  if (!x.is_number_integer() || x < 0 || x > number_max)
    throw unreadable(std::string(name) + " is no number of a draw");
  return x.get<uint32_t>();
}

bool lowercase_digits(std::string_view text, size_t count) {
  auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == count && std::ranges::all_of(text, digit);
}

sha256_digest digest_of(const json& from, const char* name) {
  const auto text = from.at(name).get<std::string>();
  if (!lowercase_digits(text, 2 * std::tuple_size_v<sha256_digest>))
    throw unreadable(std::string(name) + " is not 64 lowercase hexadecimal digits");
  return parse_digest(text);
}

event_id event_of(const json& from) {
  const auto text = from.at("eventId").get<std::string>();
  const auto id = parse_id<event_id>(text);
  if (!id || to_string(*id) != text) throw unreadable("eventId is no lowercase uuid");
  return *id;
}

void read_draw(const json& from, published_draw& to) {
  if (to.draw.cutoff != 0) throw unreadable("it is a second draw");
  if (from.value("algorithm", algorithm) != algorithm)
    throw unreadable(std::string("it was not drawn by ") + algorithm);
  to.event = event_of(from);
  to.draw.commitment = digest_of(from, "commitment");
  to.draw.seed = digest_of(from, "seed");
  to.draw.list = digest_of(from, "listDigest");
  to.draw.from = number_of(from, "firstNumber");
  to.draw.cutoff = number_of(from, "cutoff");
}

/// Pages may come as a shell lists their files: the tenth before the second.
void read_page(const json& from, published_draw& to) {
  published_draw::page fresh;
  if (const auto next = from.find("next"); next != from.end() && !next->is_null())
    fresh.next = next->get<int64_t>();
  std::vector<published_draw::line> lines;
  for (const auto& x : from.at("lines"))
    lines.push_back({number_of(x, "number"), x.at("pseudonym").get<std::string>()});
  fresh.lines = lines.size();
  auto at = std::ranges::upper_bound(to.pages, fresh.next, {}, &published_draw::page::next);
  std::ptrdiff_t before = 0;
  for (auto i = to.pages.begin(); i != at; ++i) before += static_cast<std::ptrdiff_t>(i->lines);
  to.pages.insert(at, fresh);
  to.lines.insert(to.lines.begin() + before, std::make_move_iterator(lines.begin()),
                  std::make_move_iterator(lines.end()));
}

} // namespace

tl::expected<void, std::string> read_published(const std::string& text, published_draw& to) {
  try {
    auto from = json::parse(text);
    if (from.contains("lines")) read_page(from, to);
    else if (from.value("drawn", true)) read_draw(from, to);
    else return tl::unexpected(std::string{"it was not drawn yet"});
  } catch (const json::exception& x) {
    return tl::unexpected(std::string{x.what()});
  } catch (const unreadable& x) { return tl::unexpected(std::string{x.what()}); }
  return {};
}

std::vector<std::string> contradictions(const published_draw& x) {
  constexpr size_t pseudonym_digits = 32;
  std::vector<std::string> out;
  if (x.draw.cutoff == 0) out.emplace_back("the answer of the fairness endpoint is missing");
  if (x.draw.from == 0 || x.draw.cutoff < x.draw.from || x.draw.cutoff - x.draw.from > range_max)
    out.emplace_back("the range is none");
  if (!out.empty()) return out;
  if (commitment_of(x.draw.seed) != x.draw.commitment)
    out.emplace_back("the seed is not the one that was committed to");
  if (!x.pages.empty() && x.pages.back().next != published_draw::last_page)
    out.push_back("the list goes on: the page `?after=" + std::to_string(x.pages.back().next) +
                  "` is missing");
  sha256_digest list{};
  std::set<uint32_t> numbers;
  for (const auto& line : x.lines) {
    const auto number = "number " + std::to_string(line.number);
    list = chained(list, line.number, line.pseudonym);
    if (line.number < x.draw.from || line.number >= x.draw.cutoff)
      out.push_back(number + " is not of the draw");
    if (!numbers.insert(line.number).second) out.push_back(number + " is on the list twice");
    if (!lowercase_digits(line.pseudonym, pseudonym_digits))
      out.push_back(number + " is under no pseudonym");
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
  const auto found = std::find_if(x.lines.rbegin(), x.lines.rend(), is_meant);
  if (found == x.lines.rend()) return std::nullopt;
  const auto order = served_order(x);
  const auto at = std::ranges::find(order, found->number);
  return static_cast<uint32_t>(at - order.begin()) + 1;
}

} // namespace tk::inspector
