"""What Numba lacks: loads and stores known not to overlap, atomics, subnormals off.

Numba cannot say that two arrays do not overlap (C's `restrict`). A stencil reads from
six or more places and writes to two, so LLVM would have to test every pair before each
row; it gives up and computes cell by cell. `load` and `store` carry LLVM's alias scopes
instead: within one function, no `load` reads what a `store` writes. The function is
never inlined, so that the promise does not reach its callers.
"""

import platform

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_WORD = ir.IntType(32)
_ON_X86 = platform.machine().lower() in ("x86_64", "amd64")


def _place(arguments):
    return arguments[0], [arguments[1]]


def _element(context, builder, signature, arguments):
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]], inbounds=True)


def _promise(builder, instruction, kind):
    module = builder.module
    domain = module.add_metadata([ir.MetaDataString(module, "rdtf")])
    scope = module.add_metadata([ir.MetaDataString(module, "rdtf load"), domain])
    instruction.set_metadata(kind, module.add_metadata([scope]))
    builder.function.attributes.add("noinline")


@intrinsic
def load(typing_context, address, index):
    """address[index], from memory that no `store` of this function writes."""

    def generate(context, builder, signature, arguments):
        value = builder.load(builder.gep(*_place(arguments), inbounds=True), align=8)
        _promise(builder, value, "alias.scope")
        return value

    return types.float64(address, types.intp), generate


@intrinsic
def store(typing_context, address, index, value):
    """address[index] = value, in memory that no `load` of this function reads."""

    def generate(context, builder, signature, arguments):
        place = builder.gep(*_place(arguments), inbounds=True)
        _promise(builder, builder.store(arguments[2], place, align=8), "noalias")
        return context.get_dummy_value()

    return types.void(address, types.intp, types.float64), generate


@intrinsic
def pointer(typing_context, array, index):
    """The address of array[index], for kernels."""

    def generate(context, builder, signature, arguments):
        return _element(context, builder, signature, arguments)

    return types.CPointer(array.dtype)(array, types.intp), generate


@intrinsic
def at_address(typing_context, address):
    """An integer as the address of doubles."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], ir.DoubleType().as_pointer())

    return types.CPointer(types.float64)(types.int64), generate


@intrinsic
def load_acquire(typing_context, array, index):
    """array[index], read before whatever this thread reads or writes next."""

    def generate(context, builder, signature, arguments):
        place = _element(context, builder, signature, arguments)
        return builder.load_atomic(place, "acquire", 8)

    return array.dtype(array, types.intp), generate


@intrinsic
def store_release(typing_context, array, index, value):
    """array[index] = value; who reads it has all that this thread wrote before."""

    def generate(context, builder, signature, arguments):
        place = _element(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], place, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), generate


@intrinsic
def bits(typing_context, value):
    """The bits of a double as an integer; those of positive ones are ordered alike."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def from_bits(typing_context, value):
    """The double of these bits."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


def _control_word(builder, name, slot):
    byte = ir.IntType(8).as_pointer()
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [byte]), f"llvm.x86.sse.{name}"
    )
    builder.call(function, [builder.bitcast(slot, byte)])


@intrinsic
def flush_subnormals(typing_context):
    """Numbers below 2.3e-308 count as zero in this thread; returns how it was before.

    Processors compute with them more slowly. Only on x86.
    """

    def generate(context, builder, signature, arguments):
        before = ir.Constant(_WORD, 0)
        if _ON_X86:
            slot = cgutils.alloca_once(builder, _WORD)
            _control_word(builder, "stmxcsr", slot)
            before = builder.load(slot)
            builder.store(builder.or_(before, ir.Constant(_WORD, 0x8040)), slot)
            _control_word(builder, "ldmxcsr", slot)
        return before

    return types.int32(), generate


@intrinsic
def restore_subnormals(typing_context, before):
    """Undoes `flush_subnormals`."""

    def generate(context, builder, signature, arguments):
        if _ON_X86:
            slot = cgutils.alloca_once_value(builder, arguments[0])
            _control_word(builder, "ldmxcsr", slot)
        return context.get_dummy_value()

    return types.void(types.int32), generate


@intrinsic
def compare_and_set(typing_context, array, index, expected, value):
    """Sets array[index] if it is as expected, and says whether it did; atomic."""

    def generate(context, builder, signature, arguments):
        place = _element(context, builder, signature, arguments)
        pair = builder.cmpxchg(place, *arguments[2:], "acq_rel", "acquire")
        return builder.extract_value(pair, 1)

    return types.boolean(array, types.intp, array.dtype, array.dtype), generate
