import React, { useState } from "react";

interface Props {
  title: string;
}

/** A button. */
export const Button: React.FC<Props> = ({ title }) => {
  const [state, setState] = useState(0);
  function onClick() {}
  return <button onClick={onClick}>{title}</button>;
};

export default function App() {
  return <Button title="x" />;
}

const identity = <T,>(x: T): T => x;
