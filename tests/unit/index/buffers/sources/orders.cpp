// Orders of a small shop.
#include <map>
#include <string>
#include "orders.hpp"

using namespace std;
using Price = long;

namespace shop::tools {

constexpr int limit = 20;
const string names[] = {"Zoë", "漢字", u8"😀", R"(raw "text")"};

template <typename T>
concept Priced = requires(T t) { t.total(); };

enum class State : int { open, sent };

template <class T, int N = 3>
class Order : public Base<T> {
public:
    explicit Order(int number) : number_(number) {}
    virtual ~Order() = default;
    Order &operator+=(const Order &other);

    int total() const override
    {
        auto price = [this](const string &line) -> int { return line.size() << 1; };
        return price("x") + number_;
    }

    static int count;

private:
    struct Line {
        string text;
        int amount{};
    };
    int number_;
    map<int, Line> lines_;
};

template <class T, int N>
Order<T, N> &Order<T, N>::operator+=(const Order &other)
{
    number_ += other.number_;
    return *this;
}

static bool post(const string &address, State state = State::open)
{
    struct Local {
        int a;
    };
    if (address.empty() && state < State::sent) {
        throw runtime_error("empty");
    }
    return true;
}

} // namespace shop::tools

extern "C" int entry(void);

int main(int argc, char **argv)
{
    return shop::tools::limit > argc ? 1 : entry();
}
