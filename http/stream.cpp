#include "http/stream.hpp"

#include <array>
#include <charconv>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace tk::http {

namespace {

std::string number_text(uint64_t x, int base) {
  std::array<char, 24> text;
  auto end = std::to_chars(text.data(), text.data() + text.size(), x, base).ptr;
  return {text.data(), end};
}

} // namespace

stream_frame::stream_frame(std::string_view events) : size_(events.size()) {
  constexpr int hexadecimal = 16;
  chunk_ = number_text(events.size(), hexadecimal) + "\r\n";
  at_ = chunk_.size();
  chunk_.reserve(at_ + size_ + 2);
  chunk_.append(events).append("\r\n");
}

stream_frame_ptr event_frame(std::string_view name, uint64_t id, std::string_view data) {
  constexpr size_t around = 64;
  constexpr int decimal = 10;
  std::string text;
  text.reserve(name.size() + data.size() + around);
  text.append("id: ").append(number_text(id, decimal));
  text.append("\nevent: ").append(name).append("\ndata: ").append(data).append("\n\n");
  return std::make_shared<const stream_frame>(text);
}

answer stream_answer(std::shared_ptr<event_stream> what) {
  answer out;
  out.content_type = "text/event-stream";
  // A proxy may neither keep it nor wait for more of it.
  out.cache_control = "no-store, no-transform";
  out.headers.emplace_back("X-Accel-Buffering", "no");
  out.stream = std::move(what);
  return out;
}

// -- places -------------------------------------------------------------------------------------

struct stream_slots::counts {
  std::mutex mutex;
  size_t open = 0;
  std::unordered_map<std::string, size_t> by_address;
};

stream_slots::slot::~slot() {
  if (!counts_) return;
  std::lock_guard lock(counts_->mutex);
  --counts_->open;
  auto i = counts_->by_address.find(address_);
  if (--i->second == 0) counts_->by_address.erase(i);
}

stream_slots::stream_slots(stream_limits limits, std::shared_ptr<stream_probe> probe)
    : limits_(limits), counts_(std::make_shared<counts>()), probe_(std::move(probe)) {
  // nop
}

bool stream_slots::take(const std::string& address, slot& out) {
  std::lock_guard lock(counts_->mutex);
  if (limits_.per_node != 0 && counts_->open >= limits_.per_node) {
    ++probe_->refused_by_node;
    return false;
  }
  auto i = counts_->by_address.find(address);
  auto theirs = i == counts_->by_address.end() ? 0 : i->second;
  if (limits_.per_address != 0 && theirs >= limits_.per_address) {
    ++probe_->refused_by_address;
    return false;
  }
  ++counts_->open;
  ++counts_->by_address[address];
  out.counts_ = counts_;
  out.address_ = address;
  return true;
}

std::string_view to_string(stream_end x) {
  switch (x) {
  case stream_end::told: return "told";
  case stream_end::left: return "left";
  case stream_end::cut_off: return "cut_off";
  case stream_end::shut_down: break;
  }
  return "shut_down";
}

} // namespace tk::http
