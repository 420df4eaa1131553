#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace tk {

/// A line as somebody sees it who cannot ask: exact for the first `near_max` numbers from the head
/// on, and to the number of those who left for the later ones.
struct line_view {
  static constexpr uint32_t near_max = 4096, far_step = 1024;
  uint32_t head = 0;          ///< Nobody waits before it; a multiple of 64.
  uint32_t waiting = 0;       ///< In all.
  std::vector<uint64_t> near; ///< A bit a number, from `head` on: somebody waits.
  /// How many wait before each `far_step` numbers behind those.
  std::vector<uint32_t> far;
  bool operator==(const line_view&) const = default;

  /// How many wait before `n`; nullopt when nobody waits there, as far as it shows.
  [[nodiscard]] std::optional<uint32_t> ahead_of(uint32_t n) const;
};

/// Who waits, in the order of numbers that are given once and never again. Made for a million: a
/// number costs 4 bytes and a quarter of a byte more, and a place is found in logarithmic time. Who
/// is silent keeps the place and is passed over (P-64).
class waiting_line {
public:
  using number = uint32_t;
  using entry = uint32_t; ///< Whatever the owner keeps about somebody; `no_entry` is nobody.
  static constexpr uint32_t word_bits = 64;
  static constexpr entry no_entry = 0xffffffffu;

  /// Numbers before `first` are refused.
  explicit waiting_line(number first = 0) : base_(first / word_bits * word_bits) {
    // nop
  }

  /// Somebody takes a place. False when the number is taken or was forgotten.
  bool put(number n, entry who);
  /// Somebody gives the place up. False when nobody has it.
  bool remove(number n);
  /// Whoever is silent is not found by `first_present`; the place stays.
  void set_present(number n, bool present);

  [[nodiscard]] size_t size() const { return size_; }
  /// How many wait before `n`, silent ones included.
  [[nodiscard]] size_t ahead_of(number n) const;
  [[nodiscard]] entry at(number n) const;
  /// The lowest number with somebody present.
  [[nodiscard]] std::optional<number> first_present() const;
  /// The lowest number that anybody waits with; without one, the lowest that can still be given.
  [[nodiscard]] number head() const;
  /// One more than the greatest number that was ever put.
  [[nodiscard]] number end() const { return base_ + static_cast<number>(entries_.size()); }
  /// The line as a board shows it.
  [[nodiscard]] line_view view() const;
  /// Forgets numbers before the head, when that frees a good part of the memory.
  void trim();
  [[nodiscard]] size_t bytes() const;

private:
  [[nodiscard]] bool covers(number n) const { return n >= base_ && n < end(); }
  void grow_to(uint32_t index);
  void count(uint32_t word, int32_t by);
  [[nodiscard]] uint32_t count_before(uint32_t word) const;
  void rebuild_counts();

  number base_ = 0; ///< Of index 0; a multiple of `word_bits`.
  size_t size_ = 0;
  std::vector<entry> entries_;
  std::vector<uint64_t> waiting_, present_; ///< A bit a number.
  std::vector<uint32_t> counts_;    ///< Fenwick tree over the words of `waiting_`, from index 1.
  mutable uint32_t first_word_ = 0; ///< No bit of `waiting_` is set in the words before.
  mutable uint32_t first_present_word_ = 0; ///< The same of `present_`.
};

} // namespace tk
