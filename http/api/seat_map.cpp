#include "http/api/seat_map.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include <nlohmann/json.hpp>

#include "http/compress.hpp"

namespace tk::http {

namespace {

constexpr std::array<std::string_view, 4> status_words{"available\"}", "locked\"}", "reserved\"}",
                                                       "reserved\"}"};

std::string fragment_of(const plan_seat& seat, const std::string& section) {
  std::string out = "{\"id\":\"" + to_string(seat.id) + "\",\"section\":";
  out += nlohmann::json(section).dump();
  out += ",\"row_number\":" + std::to_string(seat.row_number);
  out += ",\"seat_number\":" + std::to_string(seat.seat_number);
  out += ",\"seat_label\":" + nlohmann::json(seat.label).dump();
  out += ",\"price\":" + std::to_string(seat.price.amount);
  out += ",\"status\":\"";
  return out;
}

std::string head_of(const plan_rows& rows) {
  std::string out = "{\"event\":{\"id\":\"" + to_string(rows.event) + "\",\"title\":";
  out += nlohmann::json(rows.title).dump();
  out += "},\"layout\":";
  out += rows.layout_json.empty() ? "null" : rows.layout_json;
  out += ",\"seats\":[";
  return out;
}

} // namespace

body_ptr packed(const std::string& body) {
  auto text = gzip(body);
  return text ? std::make_shared<const std::string>(std::move(*text)) : nullptr;
}

seat_plan::seat_plan(const plan_rows& rows)
    : event_(rows.event), title_(rows.title), types_(rows.types), head_(head_of(rows)) {
  auto n = rows.seats.size();
  entries_.resize(n);
  labels_.reserve(n);
  for (auto& x : rows.seats) blocks_.push_back(x.block_no);
  std::ranges::sort(blocks_);
  blocks_.erase(std::unique(blocks_.begin(), blocks_.end()), blocks_.end());
  std::vector<uint32_t> by_id(n);
  std::iota(by_id.begin(), by_id.end(), 0u);
  std::ranges::sort(by_id, {}, [&](uint32_t i) { return rows.seats[i].id; });
  std::vector<uint32_t> next_position(blocks_.size());
  for (auto i : by_id) { // A board's order is by seat id within its block.
    auto& seat = rows.seats[i];
    auto block = std::ranges::lower_bound(blocks_, seat.block_no) - blocks_.begin();
    entries_[i].block = static_cast<uint32_t>(block);
    entries_[i].position = next_position[static_cast<size_t>(block)]++;
    ids_.push_back(seat.id);
    places_.push_back({seat.block_no, i});
  }
  for (size_t i = 0; i < n; ++i) {
    auto& seat = rows.seats[i];
    fragments_ += fragment_of(seat, rows.sections[static_cast<size_t>(seat.section)]);
    entries_[i].fragment_end = static_cast<uint32_t>(fragments_.size());
    bool section_ends = i + 1 == n || rows.seats[i + 1].section != seat.section;
    if (section_ends) section_ends_.push_back(static_cast<uint32_t>(i + 1));
    labels_.push_back(seat.label);
  }
}

const seat_plan::place* seat_plan::find(seat_id seat) const {
  auto i = std::ranges::lower_bound(ids_, seat);
  return i == ids_.end() || *i != seat ? nullptr : &places_[static_cast<size_t>(i - ids_.begin())];
}

std::string seat_plan::label(seat_id seat) const {
  auto where = find(seat);
  return where ? labels_[where->row] : std::string{};
}

const plan_type* seat_plan::find_type(ticket_type_id type) const {
  auto i = std::ranges::find(types_, type, &plan_type::id);
  return i == types_.end() ? nullptr : &*i;
}

std::vector<int32_t> seat_plan::blocks() const {
  auto out = blocks_;
  for (auto& x : types_) out.push_back(x.block_no);
  return out;
}

bool seat_plan::shown_by(const board_store& boards) const {
  auto has_seats = [&](int32_t no) { return boards.find_seats(event_, no) != nullptr; };
  auto has_quota = [&](const plan_type& x) { return boards.find_quota(x.id) != nullptr; };
  return std::ranges::all_of(blocks_, has_seats) && std::ranges::all_of(types_, has_quota);
}

std::vector<seat_board_ptr> seat_plan::current_boards(const board_store& boards) const {
  std::vector<seat_board_ptr> out;
  out.reserve(blocks_.size());
  for (auto block_no : blocks_) out.push_back(boards.find_seats(event_, block_no));
  return out;
}

unsigned seat_plan::status_of(size_t row, const std::vector<seat_board_ptr>& current) const {
  auto& x = entries_[row];
  auto& board = current[x.block];
  if (!board || x.position >= board->seat_count) return 1;
  return (board->bits[x.position / 4] >> (2 * (x.position % 4))) & 3u;
}

std::string_view seat_plan::fragment(size_t row) const {
  uint32_t from = row == 0 ? 0 : entries_[row - 1].fragment_end;
  return std::string_view(fragments_).substr(from, entries_[row].fragment_end - from);
}

std::vector<uint8_t> seat_plan::statuses(const board_store& boards) const {
  auto current = current_boards(boards);
  std::vector<uint8_t> out(entries_.size());
  for (size_t row = 0; row < out.size(); ++row)
    out[row] = static_cast<uint8_t>(std::min(status_of(row, current), 2u)); // 3 reads the same.
  return out;
}

void seat_plan::append_seat(std::string& out, size_t row, unsigned status) const {
  out.append(fragment(row)).append(status_words[status]);
}

void seat_plan::append_change(std::string& out, size_t row, unsigned status) const {
  auto whole = fragment(row);
  out.append(whole.substr(0, whole.find(',') + 1)); // Up to the id, which comes first.
  out.append("\"status\":\"").append(status_words[status]);
}

bool seat_plan::same_list(const seat_plan& x) const { return fragments_ == x.fragments_; }

std::string seat_plan::rotated(const board_store& boards, uint64_t turn) const {
  auto current = current_boards(boards);
  std::string out;
  out.reserve(head_.size() + fragments_.size() + entries_.size() * 13 + 2);
  out += head_;
  size_t first = 0;
  for (auto end : section_ends_) {
    auto size = end - first, shift = static_cast<size_t>(turn % size);
    for (size_t i = 0; i < size; ++i) {
      if (first + i != 0) out += ',';
      auto row = first + (i + shift) % size;
      append_seat(out, row, status_of(row, current));
    }
    first = end;
  }
  out += "]}";
  return out;
}

std::shared_ptr<seat_maps::slot> seat_maps::find(event_id event) const {
  std::shared_lock guard{mutex_};
  auto i = slots_.find(event);
  return i == slots_.end() ? nullptr : i->second;
}

void seat_maps::put(event_id event, seat_plan_ptr plan, instant read_at) {
  auto fresh = std::make_shared<slot>();
  fresh->plan = std::move(plan);
  fresh->read_at = read_at;
  std::unique_lock guard{mutex_};
  slots_[event] = std::move(fresh);
}

bool seat_maps::read_since(event_id event, instant since) const {
  auto found = find(event);
  return found && found->read_at >= since;
}

seat_plan_ptr seat_maps::plan(event_id event) const {
  auto found = find(event);
  return found ? found->plan : nullptr;
}

seat_maps::rendered seat_maps::shown(const slot& x, uint64_t version, instant now, millis age_max) {
  std::unique_lock guard{x.mutex};
  bool good = x.bodies.plain && (x.version == version || now - x.made_at < age_max);
  return good ? x.bodies : rendered{};
}

seat_maps::rendered seat_maps::current(event_id event, instant now) const {
  auto found = find(event);
  auto out = found ? shown(*found, boards_.seats_version(event), now, fresh_for) : rendered{};
  ++(out.plain ? probe_.hits : probe_.misses);
  return out;
}

seat_maps::rendered seat_maps::render(event_id event, instant now) {
  auto found = find(event);
  if (!found) return {};
  auto version = boards_.seats_version(event); // Before rendering: a later board is rendered later.
  std::unique_lock turn{found->rendering, std::try_to_lock};
  if (!turn) {
    if (auto old = shown(*found, version, now, oldest); old.plain) return old;
    turn.lock();
  }
  if (auto made = shown(*found, version, now, millis{0}); made.plain) return made;
  rendered fresh;
  auto body = std::make_shared<const std::string>(found->plan->render(boards_));
  fresh.gzip = packed(*body);
  fresh.plain = std::move(body);
  std::unique_lock guard{found->mutex};
  found->bodies = fresh;
  found->version = version;
  found->made_at = now;
  return fresh;
}

} // namespace tk::http
