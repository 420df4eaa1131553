#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"

struct pg_result; // libpq's own name of it.

namespace tk::pg {

/// What one statement answered. Columns are read in binary form, by their position from 0; reading
/// one with the wrong type is a bug and aborts.
class result {
public:
  result() = default;
  /// Takes ownership; null stands for a connection that broke.
  explicit result(pg_result* raw) : raw_(raw) {}

  /// The statement succeeded, with or without rows.
  [[nodiscard]] bool ok() const;
  /// No answer at all: the connection broke or the time was up.
  [[nodiscard]] bool lost() const { return raw_ == nullptr; }
  /// The server skipped the statement because an earlier one of the pipeline failed.
  [[nodiscard]] bool skipped() const;
  /// Five characters, or empty.
  [[nodiscard]] std::string_view sqlstate() const;
  /// The constraint that an error is about, if it is about one.
  [[nodiscard]] std::string_view constraint() const;
  /// SQLSTATE and text, for logs.
  [[nodiscard]] std::string error() const;
  /// E.g. "COMMIT" or "UPDATE 3".
  [[nodiscard]] std::string_view command_tag() const;
  /// Rows written by an INSERT, UPDATE or DELETE.
  [[nodiscard]] int64_t affected() const;

  [[nodiscard]] int rows() const;
  [[nodiscard]] bool null(int row, int column) const;
  /// int2, int4 or int8.
  [[nodiscard]] int64_t integer(int row, int column) const;
  [[nodiscard]] int32_t int4(int row, int column) const {
    return static_cast<int32_t>(integer(row, column));
  }
  [[nodiscard]] bool boolean(int row, int column) const;
  /// text, varchar, json; also the raw bytes of anything. Empty when null. Lives as long as *this.
  [[nodiscard]] std::string_view text(int row, int column) const;
  /// bytea.
  [[nodiscard]] std::string_view bytes(int row, int column) const { return text(row, column); }
  /// jsonb as JSON text.
  [[nodiscard]] std::string_view jsonb(int row, int column) const;
  /// Rounded down to milliseconds.
  [[nodiscard]] instant time(int row, int column) const;
  /// `fallback` when null.
  [[nodiscard]] instant time_or(int row, int column, instant fallback) const {
    return null(row, column) ? fallback : time(row, column);
  }
  /// The nil id when null.
  template <class Id> [[nodiscard]] Id uuid(int row, int column) const {
    Id x;
    read_uuid(row, column, x.hi, x.lo);
    return x;
  }
  /// int4[], appended to `out`; null is empty. Nothing in it may be null, as in the next one.
  void int4s(int row, int column, std::vector<int32_t>& out) const;
  /// int8[], the same.
  void int8s(int row, int column, std::vector<int64_t>& out) const;
  /// uuid[], the same.
  template <class Id> void uuids(int row, int column, std::vector<Id>& out) const {
    const auto n = array_size(row, column, 16);
    out.reserve(out.size() + n);
    for (size_t i = 0; i < n; ++i) {
      auto& x = out.emplace_back();
      read_element(row, column, i, x.hi, x.lo);
    }
  }

private:
  struct deleter {
    void operator()(pg_result* x) const;
  };
  void read_uuid(int row, int column, uint64_t& hi, uint64_t& lo) const;
  /// Elements of an array in which each has `width` bytes.
  [[nodiscard]] size_t array_size(int row, int column, int width) const;
  /// One of a uuid[].
  void read_element(int row, int column, size_t i, uint64_t& hi, uint64_t& lo) const;
  [[nodiscard]] std::string_view error_field(int code) const;
  std::unique_ptr<pg_result, deleter> raw_;
};

} // namespace tk::pg
