import Foundation
import struct Models.Customer
@testable import Billing

/// How much tax is added.
let rate = 0.19
var verbose = false

typealias Handler = (Int) -> Void

/// Anything that can be paid.
protocol Payable: AnyObject {
    associatedtype Currency
    var amount: Int { get }
    func pay() -> Bool
    init(amount: Int)
}

/**
 A customer's invoice.
 */
@objc
public final class Invoice: NSObject, Payable {
    static let version = 2
    private(set) var total: Double = 0
    var amount: Int {
        let local = 1
        return Int(total) + local
    }

    init(amount: Int) {
        self.total = Double(amount)
    }

    deinit {}

    // Pays it.
    @discardableResult
    func pay() -> Bool {
        let local = true
        return local
    }

    subscript(index: Int) -> Int { index }

    struct Line {
        let text: String
    }
}

enum Status: String, CaseIterable {
    case open
    case paid, cancelled = "gone"
    case failed(reason: String)

    func next() -> Status { .paid }
}

indirect enum Tree { case leaf }

extension Invoice: CustomStringConvertible {
    var description: String { "invoice" }
    func print() {}
}

extension Array where Element == Int {
    func total() -> Int { reduce(0, +) }
}

actor Registry {
    func add(_ key: String) async throws {}
}

func main<T: Payable>(items: [T]) -> Int {
    func nested() {}
    return items.count
}

infix operator **: Power
precedencegroup Power { associativity: right }
func ** (a: Int, b: Int) -> Int { a }
macro stringify<T>(_ value: T) -> (T, String) = #externalMacro(module: "M", type: "S")
