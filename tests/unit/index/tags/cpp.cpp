#include <vector>
#include "shape.hpp"
using namespace std;
using std::string;
using Callback = void (*)(int);
namespace fs = std::filesystem;

namespace outer::inner {

/// A shape.
template <typename T, int N = 3>
class Shape final : public Base<T>, private Other {
public:
    /// Makes one.
    explicit Shape(int x) : x_(x) {}
    Shape(const Shape&) = delete;
    virtual ~Shape();
    virtual void draw(const string& s) const = 0;
    static int count();
    int inlined() const noexcept { int local = 1; return local; }
    const T& reference() const;
    T* pointer() { return nullptr; }
    bool operator==(const Shape& other) const;
    operator bool() const { return true; }
    template <typename U> void generic(U u) {}
    friend void befriended(Shape&);
    using value_type = T;
    typedef T other_type;
    struct Nested { int field; };
    enum class Mode { On, Off };
    static constexpr int LIMIT = 10;

private:
    int x_ = 0, y_;
    T values_[N];
    T* raw_;
    T& ref_;
    std::function<void(int)> callback_;
    void (*hook_)(int);
};

struct Point { int x, y; };
union Value { int i; float f; };
enum Color : int { RED, GREEN };

namespace {
int hidden = 1;
void anonymous() {}
}

}  // namespace outer::inner

template <typename T>
concept Drawable = requires(T t) { t.draw(); };

template <typename T, int N>
void outer::inner::Shape<T, N>::draw(const string& s) const {
    auto lambda = [](int x) { return x; };
}

Shape::Shape(int x) : x_(x) {}
Shape::~Shape() {}
int Shape::count() { return 0; }
int& A::B::deep() { return x; }
bool operator<(const Point& a, const Point& b) { return a.x < b.x; }
std::ostream& operator<<(std::ostream& out, const Point& p) { return out; }

template <typename T> T maximum(T a, T b) { return a; }
template <> class Shape<int, 1> {};
auto trailing(int x) -> int { return x; }
constexpr double PI = 3.14;
extern "C" void c_function(int);
extern "C" {
void in_block(void) {}
}
std::vector<int> numbers = {1, 2};
int Shape::definition = 1;
class Forward;
#define MACRO(x) x
