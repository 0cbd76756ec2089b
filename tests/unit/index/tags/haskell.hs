{-# LANGUAGE LambdaCase #-}
-- | Invoices of the shop.
module Shop.Invoice
  ( Invoice (..)
  , total
  ) where

import Data.List (sortBy, foldl')
import qualified Data.Map as Map
import qualified Data.Set
import Data.Maybe hiding (fromJust)
import Prelude

-- | How much tax is added.
rate :: Double
rate = 0.19

-- | A customer's invoice.
data Invoice = Invoice
  { number :: Int
  , total' :: Double
  } | Draft deriving (Show, Eq)

newtype Id a = Id { unId :: Int }

type Handler = Int -> IO ()

-- | Anything that can be paid.
class Show a => Payable a where
  type Currency a
  pay :: a -> Bool
  pay _ = True

instance Payable Invoice where
  pay (Invoice n _) = n > 0
  pay Draft = False

-- | Returns the total.
total :: [Invoice] -> Double
total [] = 0
total (x : xs) = local + total xs
  where
    local = total' x
    helper y = y

noSignature 0 = 1
noSignature n = n

(<+>) :: Int -> Int -> Int
a <+> b = a + b
infixl 6 <+>

data Expr a where
  Lit :: Int -> Expr Int
  Add :: Expr Int -> Expr Int -> Expr Int

type family Elem c
foreign import ccall "math.h sin" c_sin :: Double -> Double
pattern P x = Just x

main :: IO ()
main = do
  let x = 1
  print x
