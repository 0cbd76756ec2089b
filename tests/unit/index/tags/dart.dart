library billing;

import 'dart:io';
import 'package:models/models.dart' as models show Customer hide Order;
export 'src/invoice.dart';
part 'invoice.g.dart';

const rate = 0.19;
final List<int> cache = [];
var verbose = false, other = 1;
int limit = 3;
late String name;

typedef Handler = void Function(int);
typedef int Old(int x);

/// Anything that can be paid.
abstract class Payable {
  int get amount;
  set amount(int value);
  bool pay();
}

/// A customer's invoice.
@immutable
class Invoice extends Model with Logs implements Payable {
  static const version = 2;
  final int number;
  double total = 0, tax = 1;
  late final String client;

  Invoice(this.number, {this.total = 0});
  const Invoice.empty() : number = 0;
  factory Invoice.fromJson(Map json) => Invoice(1);

  @override
  int get amount => total.toInt();
  set amount(int value) {
    total = value.toDouble();
  }

  // Pays it.
  @override
  bool pay() {
    final local = 1;
    int nested() => 2;
    return local > 0;
  }

  static Invoice create() => Invoice(1);
  operator ==(Object other) => false;
}

mixin Logs on Object {
  void log(String message) {}
}

enum Status {
  open,
  paid('x');

  const Status([this.label]);
  final String? label;
}

extension Shout on String {
  String shout() => toUpperCase();
}

extension type Id(int value) {}

Future<int> total(List<int> items) async {
  var sum = 0;
  return sum;
}

int get answer => 42;
void main() {}
