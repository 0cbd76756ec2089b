package com.example.billing

import scala.util.Try
import scala.collection.mutable.{Map => MutableMap, Set}
import com.example.models._
import com.example.given
import java.util.{List as JList, *}

/** Anything that can be paid.
  *
  * And more.
  */
trait Payable {
  type Currency
  val amount: Int
  def pay(): Boolean
}

// A customer's invoice.
@Entity
case class Invoice(number: Int, var total: Double = 0.0) extends Payable {
  val amount: Int = total.toInt
  var client: Option[String] = None
  lazy val cache = MutableMap.empty[String, Int]
  val (left, right) = (1, 2)

  def this(number: String) = this(number.toInt)

  def pay(): Boolean = {
    val local = 1
    def nested = 2
    local > 0
  }
}

object Invoice {
  final val Rate = 0.19
  def apply(number: String): Invoice = new Invoice(number)
  implicit class Rich(val x: Int) extends AnyVal { def twice: Int = x * 2 }
}

enum Status(val label: String):
  case Open extends Status("open")
  case Paid, Cancelled
  case Failed(reason: String)

  def next: Status = Paid

given ordering: Ordering[Invoice] with
  def compare(a: Invoice, b: Invoice): Int = 0

given Ordering[Status] = ???

extension (text: String)
  def shout: String = text.toUpperCase

type Handler = Int => Unit
opaque type Id = Long

val rate = 0.19
def main(args: Array[String]): Unit = println("hi")

object Registry extends App:
  val entries = List()
  def add(key: String): Unit = ()

package object helpers {
  def help = 1
}
