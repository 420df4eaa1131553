#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tk::sim {

class crowd;
class oracle;
class world;

/// What every piece of a sale works with.
struct scene {
  world& where;
  oracle& judge;
  crowd& people;
};

/// A small piece of what happens in a sale. A sale is made of several, which know nothing of each
/// other; what people do one after the other is put together by the crowd.
class workload {
public:
  workload() = default;
  virtual ~workload() = default;
  workload(const workload&) = delete;
  workload& operator=(const workload&) = delete;

  /// Before anything runs: writes the rows that it needs, and tells the crowd what people may do.
  virtual void setup() {
    // nop
  }
  /// Enters into the agenda what it does during the sale.
  virtual void start() {
    // nop
  }
  /// The sale is over: begins nothing new. Faults end now.
  virtual void close() {
    // nop
  }
  /// Requests without an answer, beside those of the crowd; there is no rest before it is 0.
  [[nodiscard]] virtual int64_t waiting() const { return 0; }
  /// At rest; may ask for something and let the world go on. What is wrong, or empty.
  virtual std::string check() { return {}; }
};
using workload_ptr = std::unique_ptr<workload>;

/// A piece by its name in `sales/*.json`.
struct workload_kind {
  const char* name;
  const char* about; ///< What it does, in a line.
  bool usual;        ///< Part of every sale that names none.
  workload_ptr (*make)(const scene&);
};
/// All of them, in the order in which they are set up, started and checked.
std::span<const workload_kind> workload_kinds();

/// The pieces of one sale, as one.
class programme final : public workload {
public:
  /// @param names of the pieces; none = the usual ones.
  programme(const scene& in, const std::vector<std::string>& names);
  void setup() override;
  void start() override;
  void close() override;
  [[nodiscard]] int64_t waiting() const override;
  /// One piece after the other, until something is wrong.
  std::string check() override;

private:
  std::vector<workload_ptr> pieces_;
};

} // namespace tk::sim
