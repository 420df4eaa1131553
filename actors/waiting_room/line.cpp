#include "actors/waiting_room/line.hpp"

#include <algorithm>
#include <bit>

namespace tk {

namespace {

constexpr uint64_t bit_of(uint32_t index) { return uint64_t{1} << (index % 64); }
constexpr uint32_t lowest_bit(uint32_t x) { return x & (~x + 1); }

/// The first word from `from` on with a bit set; the number of words when there is none.
uint32_t next_word(const std::vector<uint64_t>& words, uint32_t from) {
  auto i = std::find_if(words.begin() + from, words.end(), [](uint64_t x) { return x != 0; });
  return static_cast<uint32_t>(i - words.begin());
}

} // namespace

void waiting_line::grow_to(uint32_t index) {
  if (index < entries_.size()) return;
  entries_.resize(index + 1, no_entry);
  auto words = index / word_bits + 1;
  while (waiting_.size() < words) {
    waiting_.push_back(0);
    present_.push_back(0);
    if (counts_.empty()) counts_.push_back(0); // A Fenwick tree begins at 1.
    // The new node stands for the words that the nodes below it stand for, and its own, empty one.
    auto node = static_cast<uint32_t>(counts_.size());
    uint32_t sum = 0;
    for (auto below = node - 1; below > node - lowest_bit(node); below -= lowest_bit(below))
      sum += counts_[below];
    counts_.push_back(sum);
  }
}

void waiting_line::count(uint32_t word, int32_t by) {
  for (auto i = word + 1; i < counts_.size(); i += lowest_bit(i))
    counts_[i] += static_cast<uint32_t>(by);
}

uint32_t waiting_line::count_before(uint32_t word) const {
  uint32_t out = 0;
  for (auto i = word; i > 0; i -= lowest_bit(i)) out += counts_[i];
  return out;
}

bool waiting_line::put(number n, entry who) {
  if (n < base_) return false;
  auto index = n - base_;
  grow_to(index);
  if (entries_[index] != no_entry) return false;
  auto word = index / word_bits;
  entries_[index] = who;
  waiting_[word] |= bit_of(index);
  present_[word] |= bit_of(index);
  count(word, 1);
  ++size_;
  first_word_ = std::min(first_word_, word);
  first_present_word_ = std::min(first_present_word_, word);
  return true;
}

bool waiting_line::remove(number n) {
  if (at(n) == no_entry) return false;
  auto index = n - base_;
  auto word = index / word_bits;
  entries_[index] = no_entry;
  waiting_[word] &= ~bit_of(index);
  present_[word] &= ~bit_of(index);
  count(word, -1);
  --size_;
  return true;
}

void waiting_line::set_present(number n, bool present) {
  if (at(n) == no_entry) return;
  auto index = n - base_;
  auto word = index / word_bits;
  if (!present) {
    present_[word] &= ~bit_of(index);
    return;
  }
  present_[word] |= bit_of(index);
  first_present_word_ = std::min(first_present_word_, word);
}

size_t waiting_line::ahead_of(number n) const {
  if (n < base_ || entries_.empty()) return 0;
  if (n >= end()) return size_;
  auto index = n - base_;
  auto word = index / word_bits;
  return count_before(word) +
         static_cast<size_t>(std::popcount(waiting_[word] & (bit_of(index) - 1)));
}

waiting_line::entry waiting_line::at(number n) const {
  return covers(n) ? entries_[n - base_] : no_entry;
}

std::optional<waiting_line::number> waiting_line::first_present() const {
  first_present_word_ = next_word(present_, first_present_word_);
  if (first_present_word_ == present_.size()) return std::nullopt;
  auto bit = static_cast<uint32_t>(std::countr_zero(present_[first_present_word_]));
  return base_ + first_present_word_ * word_bits + bit;
}

waiting_line::number waiting_line::head() const {
  first_word_ = next_word(waiting_, first_word_);
  if (first_word_ == waiting_.size()) return end();
  auto bit = static_cast<uint32_t>(std::countr_zero(waiting_[first_word_]));
  return base_ + first_word_ * word_bits + bit;
}

void waiting_line::rebuild_counts() {
  counts_.assign(waiting_.size() + 1, 0);
  for (uint32_t i = 1; i < counts_.size(); ++i) {
    counts_[i] += static_cast<uint32_t>(std::popcount(waiting_[i - 1]));
    if (auto up = i + lowest_bit(i); up < counts_.size()) counts_[up] += counts_[i];
  }
}

void waiting_line::trim() {
  constexpr uint32_t words_min = 1024;
  auto head_word = (head() - base_) / word_bits;
  if (head_word < words_min || head_word * 2 < waiting_.size()) return;
  auto drop = [](auto& from, size_t n) {
    from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(std::min(n, from.size())));
    from.shrink_to_fit();
  };
  drop(entries_, size_t{head_word} * word_bits);
  drop(waiting_, head_word);
  drop(present_, head_word);
  base_ += head_word * word_bits;
  first_word_ = first_present_word_ = 0;
  rebuild_counts();
}

line_view waiting_line::view() const {
  line_view out;
  out.waiting = static_cast<uint32_t>(size_);
  auto from = (head() - base_) / word_bits;
  out.head = base_ + from * word_bits;
  auto words = static_cast<uint32_t>(waiting_.size());
  // After a restart numbers begin far behind the last ones: words without anybody between do not
  // count, so that whoever joined then hears the same from board and room.
  constexpr uint32_t near_words_max = 4096;
  auto near_end = from;
  for (uint32_t filled = 0; near_end < words && filled < line_view::near_max / word_bits &&
                            near_end - from < near_words_max;
       ++near_end)
    filled += waiting_[near_end] != 0 ? 1 : 0;
  if (from < near_end) out.near.assign(waiting_.begin() + from, waiting_.begin() + near_end);
  for (auto i = near_end; i < words; i += line_view::far_step / word_bits)
    out.far.push_back(count_before(i));
  return out;
}

std::optional<uint32_t> line_view::ahead_of(uint32_t n) const {
  if (n < head) return std::nullopt;
  const auto index = n - head;
  if (index < near.size() * 64) {
    if ((near[index / 64] & bit_of(index)) == 0) return std::nullopt;
    uint32_t out = 0;
    for (uint32_t i = 0; i < index / 64; ++i) out += static_cast<uint32_t>(std::popcount(near[i]));
    return out + static_cast<uint32_t>(std::popcount(near[index / 64] & (bit_of(index) - 1)));
  }
  const auto behind = index - static_cast<uint32_t>(near.size()) * 64;
  const auto step = behind / far_step;
  if (near.size() * 64 < near_max || step >= far.size()) return std::nullopt; // Not given yet.
  const auto last = step + 1 < far.size() ? far[step + 1] : waiting;
  return std::min(far[step] + behind % far_step, std::max(last, far[step] + 1) - 1);
}

size_t waiting_line::bytes() const {
  return entries_.capacity() * sizeof(entry) +
         (waiting_.capacity() + present_.capacity()) * sizeof(uint64_t) +
         counts_.capacity() * sizeof(uint32_t);
}

} // namespace tk
