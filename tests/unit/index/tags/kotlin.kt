@file:JvmName("Billing")

package com.example.billing

import java.util.Date
import kotlin.math.*
import com.example.models.Customer as Client

const val RATE = 0.19
var verbose: Boolean = false
private val cache by lazy { mutableMapOf<String, Int>() }

typealias Handler = (Int) -> Unit

/**
 * Anything that can be paid.
 */
interface Payable {
    val amount: Int
    fun pay(): Boolean
}

/** A customer's invoice. */
@Serializable
data class Invoice(val number: Int, private var total: Double = 0.0, hint: String) : Payable {
    override val amount: Int
        get() = total.toInt()
    lateinit var client: Client

    constructor(number: String) : this(number.toInt(), 0.0, "")

    init {
        val inInit = 1
    }

    // Pays it.
    override fun pay(): Boolean {
        val local = 1
        fun nested() = 2
        return local > 0
    }

    companion object {
        const val VERSION = 2
        fun create() = Invoice(1, 0.0, "")
    }

    inner class Line(val text: String)
}

enum class Status(val label: String) {
    OPEN("open"),
    PAID("paid") {
        override fun next() = OPEN
    };

    abstract fun next(): Status
}

object Registry : Map<String, Int> {
    fun add(key: String) {}
}

sealed interface Result<out T>
fun interface Mapper {
    fun map(x: Int): Int
}
annotation class Fancy

fun String.shout(): String = uppercase()

suspend fun <T> List<T>.second(): T {
    return this[1]
}

val String.half: Int
    get() = length / 2
